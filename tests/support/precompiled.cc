// Owns the precompiled header that all tests share; has no code of its own.
