"""Validates JSON messages, one per line on standard input, against a JSON Schema.

usage: validate.py SCHEMA.json < messages; exit status 1 with the first violation on standard output.
"""
import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
count = 0
for line in sys.stdin:
    count += 1
    error = jsonschema.exceptions.best_match(validator.iter_errors(json.loads(line)))
    if error is not None:
        print(f"message {count}, at {error.json_path}: {error.message}")
        sys.exit(1)
if count == 0:
    print("no messages")
    sys.exit(1)
