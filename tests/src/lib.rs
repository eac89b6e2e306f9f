//! Harnesses for the tests.
