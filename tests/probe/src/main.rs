//! What tests run in pods. The command line is one deed, or several with `then` between them:
//!
//! * `report`: one line of JSON about how this process was started;
//! * `read FILE…`: one line of JSON per file, its content and who may read it;
//! * `look-up NAME`: its addresses, one per line;
//! * `get URL [--ca FILE] [--token FILE] [--cert FILE]`: the status of the answer, then its body;
//! * `listen PORT`: answers every HTTP request with the report, while the deeds after it are done;
//! * `has NAME VALUE`: fails unless the variable has this value;
//! * `write FILE`: fails unless a line can be added to the file;
//! * `end PID`: asks a process to end, by SIGTERM;
//! * `print NAME`: a variable;
//! * `show FILE…`: their content;
//! * `exit CODE`: ends with this code;
//! * `sleep`: until SIGTERM or SIGINT; names these and SIGHUP, SIGUSR1, SIGUSR2 and SIGWINCH when they come.
//!
//! Without a word it sleeps, so that it can hold the namespaces of a pod. Called `sleep`, `printenv` or `cat`, it does as these do.

mod get;
mod listen;
mod report;
mod sleep;

use std::error::Error;
use std::io::Write;
use std::net::ToSocketAddrs;
use std::process::ExitCode;

type Done = Result<Option<ExitCode>, Box<dyn Error>>;

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let name = words.drain(..1.min(words.len())).next().unwrap_or_default();
    match name.rsplit('/').next() {
        Some("sleep") => words.clear(),
        Some("printenv") => words.insert(0, "print".to_owned()),
        Some("cat") => words.insert(0, "show".to_owned()),
        _ => {}
    }
    for deed in words.split(|word| word == "then") {
        match run(deed) {
            Ok(None) => {}
            Ok(Some(code)) => return code,
            Err(error) => {
                eprintln!("{}: {error}", deed.join(" "));
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn run(deed: &[String]) -> Done {
    let (verb, rest) = deed.split_first().map_or(("sleep", deed), |(verb, rest)| (verb.as_str(), rest));
    match (verb, rest) {
        ("report", []) => println!("{}", report::process()),
        ("read", files) => files.iter().for_each(|file| println!("{}", report::file(file))),
        ("look-up", [name]) => {
            let mut addresses: Vec<_> = (name.as_str(), 0).to_socket_addrs()?.map(|at| at.ip()).collect();
            addresses.dedup();
            addresses.iter().for_each(|address| println!("{address}"));
        }
        ("get", [url, options @ ..]) => println!("{}", get::get(url, options)?),
        ("listen", [port]) => listen::begin(port.parse()?)?,
        ("has", [name, value]) if std::env::var(name).as_deref() != Ok(value) => {
            return Err("the variable has another value, or none".into());
        }
        ("has", [_, _]) => {}
        ("write", [file]) => {
            std::fs::OpenOptions::new().create(true).append(true).open(file)?.write_all(b"written\n")?
        }
        ("end", [pid]) => sleep::end(pid.parse()?)?,
        ("print", [name]) => println!("{}", std::env::var(name)?),
        ("show", files) => {
            for file in files {
                std::io::stdout().write_all(&std::fs::read(file)?)?;
            }
        }
        ("exit", [code]) => return Ok(Some(ExitCode::from(code.parse::<u8>()?))),
        ("sleep", []) => sleep::until_told()?,
        _ => return Err("no such deed; the head of tests/probe/src/main.rs has them".into()),
    }
    Ok(None)
}
