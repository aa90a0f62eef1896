// KubeModel: see the map in the README.
