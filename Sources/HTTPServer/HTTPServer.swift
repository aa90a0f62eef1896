// HTTPServer: see the map in the README.
