// DNSProviders: see the map in the README.
