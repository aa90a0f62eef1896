// Wire: see the map in the README.
