//! Looks for a needle in all that this process can read of itself.

use akv_core::SecretValue;
use std::fs::File;
use std::hint::black_box;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// The needle, masked: no plain form of it is in the program or on the scanner's stack. Its plain form has characters that
/// no key and no code may have. It is as short as a vector register, so that a torn copy is found too.
const MASKED: [u8; 16] = *b"\x75\x2b\x0f\x38\x61\x04\x59\x6e\x13\x47\x2a\x7d\x08\x55\x36\x1b";
const MASK: u8 = 0x7f;
/// How often the needle stands in the value: an allocator writes over the beginning of what is freed, not over all of it.
pub(crate) const REPEATS: usize = 64;
/// Bytes that are looked at in one go.
const CHUNK: usize = 1 << 20;

/// The value: the needle in plain form, many times; nothing else holds it.
pub(crate) fn value() -> SecretValue {
    let mut value = Vec::with_capacity(MASKED.len() * REPEATS);
    for _ in 0..REPEATS {
        value.extend(MASKED.iter().map(|byte| byte ^ black_box(MASK)));
    }
    SecretValue::new(value)
}

/// How often the needle is in private memory.
pub(crate) fn copies() -> usize {
    scan().0
}

/// Bytes and mappings that a scan reads.
pub(crate) fn looked_at() -> (usize, usize) {
    let (_, bytes, mappings) = scan();
    (bytes, mappings)
}

fn scan() -> (usize, usize, usize) {
    let memory = File::open("/proc/self/mem").expect("a process may read itself");
    let mut buffer = vec![0; CHUNK];
    let own = buffer.as_ptr() as usize..buffer.as_ptr() as usize + CHUNK;
    let (mut found, mut bytes, mut mappings) = (0, 0, 0);
    for mapping in private_mappings() {
        mappings += 1;
        let mut at = mapping.start;
        while at < mapping.end {
            let wanted = (mapping.end - at).min(CHUNK);
            // What the kernel keeps to itself reads as an error.
            let Ok(read @ 1..) = memory.read_at(&mut buffer[..wanted], at as u64) else {
                break;
            };
            bytes += read;
            // What is found in the buffer was found where it came from.
            found += places(&buffer[..read]).filter(|place| !own.contains(&(at + place))).count();
            // The next chunk begins within this one, so that nothing is cut in two; the end of the mapping ends it.
            at += if at + read == mapping.end { read } else { (read - (MASKED.len() - 1).min(read - 1)).max(1) };
        }
    }
    buffer.fill(0);
    (found, bytes, mappings)
}

/// Where the needle begins.
fn places(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let mask = black_box(MASK);
    let first = MASKED[0] ^ mask;
    let last = bytes.len().saturating_sub(MASKED.len() - 1);
    let is_needle = move |at: usize| bytes[at..].iter().zip(MASKED).all(|(byte, masked)| byte ^ mask == masked);
    bytes[..last]
        .iter()
        .enumerate()
        .filter(move |(_, byte)| **byte == first)
        .map(|(at, _)| at)
        .filter(move |at| is_needle(*at))
}

/// Readable and private, as `/proc/self/maps` has them.
fn private_mappings() -> Vec<Range<usize>> {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("a process may read its own map");
    let mapping = |line: &str| {
        let (range, rest) = line.split_once(' ')?;
        let flags = rest.as_bytes();
        let (start, end) = range.split_once('-')?;
        let address = |text| usize::from_str_radix(text, 16).ok();
        (flags.first() == Some(&b'r') && flags.get(3) == Some(&b'p')).then_some(address(start)?..address(end)?)
    };
    maps.lines().filter_map(mapping).collect()
}
