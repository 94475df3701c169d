# What `cmake --install` puts where; each folder installs its own targets.
