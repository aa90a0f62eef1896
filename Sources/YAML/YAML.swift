// YAML: see the map in the README.
