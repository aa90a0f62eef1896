// HTTPTransport: see the map in the README.
