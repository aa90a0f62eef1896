// DNSWire: see the map in the README.
