//! The default plugins, built from plugins/ and compiled ahead of time.
