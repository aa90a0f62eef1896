// ACME: see the map in the README.
