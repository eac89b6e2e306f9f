//! What a process can tell of itself, and of a file.

use serde_json::{Map, Value, json};
use std::os::unix::fs::MetadataExt;

/// How this process was started: `argv`, `env`, `cwd`, `pid`, `uid` and `gid` (effective), `groups`, `umask`, `limits` (soft and
/// hard, by the kernel's names), and `status`, the kernel's own page about it.
pub fn process() -> Value {
    let status = table("/proc/self/status", ':');
    let number = |name: &str, column: usize| -> Value {
        let found = status.get(name).and_then(Value::as_str).and_then(|line| line.split_whitespace().nth(column));
        found.and_then(|word| word.parse::<u64>().ok()).into()
    };
    let words = |name: &str| -> Vec<u64> {
        let line = status.get(name).and_then(Value::as_str).unwrap_or_default();
        line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    };
    let env: Map<String, Value> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into()))
        .collect();
    json!({
        "argv": std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>(),
        "env": env,
        "cwd": std::env::current_dir().ok(),
        "pid": std::process::id(),
        // Real, effective, saved, of the file system.
        "uid": number("Uid", 1), "gid": number("Gid", 1), "groups": words("Groups"),
        "umask": status.get("Umask"),
        "limits": limits(),
        "status": status,
    })
}

/// Its content as text and in hexadecimal, its mode in octal, its owner; or why it cannot be read.
pub fn file(path: &str) -> Value {
    match std::fs::metadata(path).and_then(|about| Ok((about, std::fs::read(path)?))) {
        Err(error) => json!({"path": path, "error": error.to_string()}),
        Ok((about, bytes)) => json!({
            "path": path, "content": String::from_utf8_lossy(&bytes), "size": bytes.len(),
            "hex": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            "mode": format!("{:04o}", about.mode() & 0o7777), "uid": about.uid(), "gid": about.gid(),
        }),
    }
}

fn table(path: &str, separator: char) -> Map<String, Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let rows = text.lines().filter_map(|line| line.split_once(separator));
    rows.map(|(name, value)| (name.to_owned(), value.trim().into())).collect()
}

/// `Max open files            1024                 4096                 files`: the names have single spaces in them.
fn limits() -> Map<String, Value> {
    let text = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let rows = text.lines().skip(1).filter_map(|line| {
        let mut columns = line.split("  ").map(str::trim).filter(|column| !column.is_empty());
        Some((columns.next()?.to_owned(), json!({"soft": columns.next()?, "hard": columns.next()?})))
    });
    rows.collect()
}
