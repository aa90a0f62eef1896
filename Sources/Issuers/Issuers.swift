// Issuers: see the map in the README.
