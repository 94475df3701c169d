#!/usr/bin/python3
"""Rules of the source tree: who may include whom, lists and their files, sizes, links. Prints each violation.

Run as a test (label fast), or by hand from the repository: tests/rules/structure.py
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Folder -> folders it may include, itself and what is below it apart. The most specific folder counts.
LAYERS = {
    "engine/base": [],
    "engine/graph": ["engine/base"],
    "engine/ops": ["engine/base", "engine/graph"],
    "engine/frontends": ["engine/base", "engine/graph", "engine/ops"],
    "engine/passes": ["engine/base", "engine/graph", "engine/ops"],
    "engine/runtime": ["engine/base", "engine/graph", "engine/ops", "engine/passes", "engine/frontends"],
    # A plugin sees the runtime's interfaces and the shared passes, never another plugin.
    "engine/plugins": ["engine/base", "engine/graph", "engine/ops", "engine/passes", "engine/runtime"],
    "engine/plugins/cpu": ["engine/base", "engine/graph", "engine/ops", "engine/passes", "engine/runtime"],
    "engine/plugins/reference": ["engine/base", "engine/graph", "engine/ops", "engine/passes", "engine/runtime"],
    # Of the graph, pictures and results need tensors only.
    "vision": ["engine/base", "engine/graph"],
    "publish": ["engine/base", "vision"],
    "elements": ["engine/base", "engine/graph", "engine/runtime", "vision", "publish"],
    "daemon": ["engine/base", "vision", "publish"],
    "tools": ["engine", "vision", "publish", "daemon"],
    # Runs pipelines and reads what our elements attached to their buffers.
    "tools/assess": ["engine/base", "engine/graph", "vision", "daemon", "elements"],
    "bench": ["engine", "vision", "publish", "elements"],
}

# Third-party header prefix -> where it may be included. Reason: a library can then be replaced in one place.
LIBRARIES = {
    "oneapi/": ["engine/plugins/cpu/"],
    "dnnl": ["engine/plugins/cpu/"],
    "omp.h": ["engine/plugins/cpu/"],
    "pugixml": ["engine/frontends/openvino_ir/"],
    "xxhash": ["engine/frontends/", "engine/runtime/cache_file.cpp", "engine/runtime/compiled_cache.cpp", "engine/plugins/cpu/packing.cpp"],
    "google/protobuf/": ["engine/frontends/"],
    "flatbuffers/": ["engine/frontends/tflite/"],
    "spdlog/": ["engine/base/log.cpp"],
    "hwy/": ["vision/", "engine/plugins/cpu/", "engine/ops/", "tools/bench/"],
    "opencv2/": ["vision/", "bench/"],  # bench: what we compare ourselves with
    "png.h": ["vision/picture_png.cpp"],
    "turbojpeg.h": ["vision/picture_jpeg.cpp"],
    "yaml-cpp/": ["vision/yaml_reader.cpp"],
    "nlohmann/": ["engine/frontends/mxnet/files.cpp", "vision/model_proc.cpp", "publish/", "tools/", "daemon/", "bench/"],
    "mqtt/": ["publish/mqtt/"],
    "gst/": ["elements/", "daemon/", "tools/assess/", "bench/frame_cost.cpp"],
    "glib": ["elements/", "daemon/"],
    "CLI/": ["tools/", "daemon/main.cpp"],
    "systemd/": ["daemon/"],
}

# List file -> (macro, files of one line).
LISTS = {
    "engine/ops/ops.inc": ("FOVEA_OP", ["engine/ops/{}.cpp"]),
    "engine/frontends/frontends.inc": ("FOVEA_FRONTEND", ["engine/frontends/{0}/{0}.cpp"]),
    "engine/frontends/onnx/onnx_ops.inc": ("FOVEA_ONNX_OP", []),
    "engine/plugins/plugins.inc": ("FOVEA_PLUGIN", ["engine/plugins/{0}/{0}_plugin.cpp"]),
    "engine/plugins/cpu/cpu_kernels.inc": ("FOVEA_CPU_KERNEL", ["engine/plugins/cpu/kernels/{}.cpp"]),
    "vision/decoders.inc": ("FOVEA_DECODER", ["vision/decoders/{}.cpp"]),
    "elements/elements.inc": ("FOVEA_ELEMENT", ["elements/{}.cpp"]),
    "tools/subcommands.inc": ("FOVEA_SUBCOMMAND", ["tools/{}.cpp"]),
}

# Definition in a source file -> the list that must name it.
DEFINITIONS = {
    "engine/ops": (r"^const OpDef (\w+)\{", "engine/ops/ops.inc"),
    "engine/plugins/cpu/kernels": (r"^const KernelDef (\w+)_kernel\{", "engine/plugins/cpu/cpu_kernels.inc"),
}

MAX_LINES = 600

problems = []


def complain(place, text):
    problems.append(f"{place}: {text}")


def tracked_files():
    try:
        text = subprocess.run(["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"],
                              capture_output=True, text=True, check=True).stdout
        return [name for name in text.splitlines() if (ROOT / name).is_file()]
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive
        return [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")
                if p.is_file() and not str(p.relative_to(ROOT)).startswith(("build", ".git/"))]


def layer_of(path):
    """The most specific folder of LAYERS that holds the path, or None."""
    return max((folder for folder in LAYERS if path.startswith(folder + "/")), key=len, default=None)


def check_includes(name, text):
    layer = layer_of(name)
    for number, line in enumerate(text.splitlines(), 1):
        quoted = re.match(r'\s*#include "([^"]+)"', line)
        if quoted and layer:
            target = quoted[1]
            if target.endswith(".inc"):
                continue
            allowed = [layer, *LAYERS[layer]]
            inside = any(target == folder or target.startswith(folder + "/") for folder in allowed)
            foreign_plugin = (target.startswith("engine/plugins/") and layer_of(target) != layer
                              and layer not in ("tools", "bench"))
            if not inside or foreign_plugin:
                complain(f"{name}:{number}", f"{layer} may not include {target}")
        library = re.match(r"\s*#include <([^>]+)>", line)
        if library and not name.startswith("tests/"):
            for prefix, places in LIBRARIES.items():
                if library[1].startswith(prefix) and not any(name.startswith(place) for place in places):
                    complain(f"{name}:{number}", f"<{library[1]}> belongs to {', '.join(places)} only")


def check_source(name, text):
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        complain(name, f"{len(lines)} lines, at most {MAX_LINES}: does it hold two things?")
    if name.endswith((".hpp", ".inc")) and not text.startswith("//"):
        complain(name, "does not open with a sentence saying what it is")
    if name.endswith(".hpp") and "#pragma once" not in text and name != "cmake/pch.hpp":  # the compiler includes it
        complain(name, "has no #pragma once")
    if name.startswith("tests/rules/"):
        return
    for number, line in enumerate(lines, 1):
        # "TODO(reason or condition): what" is fine.
        if re.search(r"\b(TODO|FIXME|XXX)\b", line) and not re.search(r"\bTODO\([^)]{8,}\): \S", line):
            complain(f"{name}:{number}", "TODO without a reason")


def check_lists(files):
    listed = {}
    for inc, (macro, patterns) in LISTS.items():
        names = re.findall(rf"^{macro}\((\w+)[,)]", (ROOT / inc).read_text(), re.M)
        listed[inc] = names
        if not names:
            complain(inc, f"no line {macro}(…)")
        for entry in names:
            if names.count(entry) > 1:
                complain(inc, f"{entry} occurs twice")
            for pattern in patterns:
                if pattern.format(entry) not in files:
                    complain(inc, f"{entry} has no file {pattern.format(entry)}")
    for inc in (name for name in files if name.endswith(".inc")):
        if inc not in LISTS:
            complain(inc, "is not known to tests/rules/structure.py")
    for folder, (pattern, inc) in DEFINITIONS.items():
        for name in files:
            if name.startswith(folder + "/") and name.endswith(".cpp"):
                for defined in re.findall(pattern, (ROOT / name).read_text(), re.M):
                    if defined not in listed[inc]:
                        complain(name, f"{defined} is not in {inc}")
                    if pathlib.PurePath(name).stem != defined:
                        complain(name, f"defines {defined}: the file should carry its name")


def check_links(name, text):
    without_code = re.sub(r"```.*?```", "", text, flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        if not file.exists():
            complain(name, f"link to {target}, which does not exist")
        elif anchor and file.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.M)
            anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            if anchor not in anchors:
                complain(name, f"link to {target}: no such heading")


def main():
    files = tracked_files()
    known = set(files)
    for name in files:
        if name.endswith((".cpp", ".hpp", ".inc", ".h")):
            text = (ROOT / name).read_text()
            check_source(name, text)
            check_includes(name, text)
        elif name.endswith(".py") or name.endswith("CMakeLists.txt"):
            check_source(name, (ROOT / name).read_text())
        elif name.endswith(".md"):
            check_links(name, (ROOT / name).read_text())
    check_lists(known)
    for problem in problems:
        print(problem)
    print(f"{len(files)} files, {len(problems)} problem(s)")
    return 1 if problems or len(files) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
