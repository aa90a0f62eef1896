// KubeClient: see the map in the README.
