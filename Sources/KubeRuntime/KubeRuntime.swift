// KubeRuntime: see the map in the README.
