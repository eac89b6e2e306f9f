//! The admin interface: objects, faults, counters and tokens, without authentication, on loopback.
//!
//! | request | what |
//! |---|---|
//! | `PUT /admin/VAULT/secrets/NAME` `{"value": …}` | a new version |
//! | `POST /admin/VAULT/KIND/NAME/rotate · disable · enable · delete · recover` | that |
//! | `GET · POST · DELETE /admin/faults` | the list; one more, as JSON; none |
//! | `GET · DELETE /admin/counters` | requests so far; from zero |
//! | `POST /admin/tokens/revoke` | every token until now is refused |

use crate::answer::Answer;
use crate::lock::lock;
use crate::name;
use crate::request::Read;
use crate::state::State;
use crate::store::Object;
use serde_json::{Map, Value, json};

/// Does one request.
pub fn run(state: &State, request: &Read) -> Answer {
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').skip(1).collect();
    let good = || Answer::ok(json!({"ok": true}));
    let bad = |why: String| Answer::error(400, "BadParameter", None, &why);
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["faults"]) => Answer::ok(json!(state.faults.list())),
        ("POST", ["faults"]) => match serde_json::from_slice(&request.body) {
            Ok(fault) => {
                state.faults.add(fault);
                good()
            }
            Err(error) => bad(format!("the fault is not readable: {error}")),
        },
        ("DELETE", ["faults"]) => {
            state.faults.clear();
            good()
        }
        ("GET", ["counters"]) => Answer::ok(json!(state.faults.counters())),
        ("DELETE", ["counters"]) => {
            state.faults.reset_counters();
            good()
        }
        ("POST", ["tokens", "revoke"]) => {
            state.tokens.revoke();
            good()
        }
        ("PUT", [vault, "secrets", name]) => match serde_json::from_slice::<Map<String, Value>>(&request.body) {
            Ok(bundle) if bundle.get("value").is_some_and(Value::is_string) => {
                let mut store = lock(&state.store);
                if !name::is_object(name) {
                    return bad(format!("{name:?} is no name of a secret: use {}", name::OBJECT));
                }
                if !store.has(vault) {
                    return Answer::error(404, "NotFound", None, &format!("there is no vault {vault}"));
                }
                if store.get(vault, "secrets", name).is_some_and(Object::is_managed) {
                    return bad(format!("secret {name} belongs to a certificate: rotate that"));
                }
                store.set_secret(vault, name, bundle);
                good()
            }
            _ => bad("the body must be an object with a text `value`".to_owned()),
        },
        ("POST", [vault, kind, name, act]) => match lock(&state.store).change(vault, kind, name, act) {
            Ok(true) => good(),
            Ok(false) => {
                Answer::error(404, "NotFound", None, &format!("there is no {name} among the {kind} of {vault}"))
            }
            Err(why) => bad(why),
        },
        _ => Answer::error(
            404,
            "NotFound",
            None,
            "the admin interface has no such path; see local-vault's documentation",
        ),
    }
}
