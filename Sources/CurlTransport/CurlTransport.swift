// CurlTransport: see the map in the README.
