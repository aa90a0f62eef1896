// Doubles, builders and vectors shared by every test target.
