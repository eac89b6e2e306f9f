//! What everybody says to each manifest of `tests/data/manifests`: the API server, `lint`, `render` and the controller.
//!
//! A row of `bad` names who refuses it. A rule is said in the same words by all; the path of the API server is that of the
//! parser, or `serverPath` where CEL can name only the list. What only a policy, a plugin or a value can say (`found`)
//! must pass the API server before it can fail elsewhere. A row of `accepted` names the paths of its warnings.

mod offline;
mod parser;
mod row;
mod server;
mod table;
mod unreadable;
