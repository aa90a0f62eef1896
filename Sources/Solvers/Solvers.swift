// Solvers: see the map in the README.
