// PKI: see the map in the README.
