//! The Key Vault data plane, the token service and their faults, as a library for the tests.
