// CertificateAPI: see the map in the README.
