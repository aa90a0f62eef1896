// Controllers: see the map in the README.
