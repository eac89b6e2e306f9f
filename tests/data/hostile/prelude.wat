;; What every guest of the tests has: a memory, an allocator, and one function for each answer that the WIT knows.
;; Answers lie at 1024, lists at 2048; rows of the tables put their own data at 256.
(memory (export "memory") 1)
(data (i32.const 16) "guest")
(data (i32.const 32) "1.0.0")
(data (i32.const 48) "v")
(data (i32.const 64) "as-ordered")

(global $heap (mut i32) (i32.const 8192))

;; Nothing is ever given back: an instance lives for one call.
(func $realloc (export "cabi_realloc")
  (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
  (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
  (global.set $heap (i32.add (local.get $at) (local.get $size)))
  (block $enough
    (loop $more
      (br_if $enough (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (unreachable))
  (local.get $at))

;; `ok` without a value.
(func $ok (result i32)
  (i32.store8 (i32.const 1024) (i32.const 0))
  (i32.const 1024))

;; `ok` with a list: bytes, needs or entries.
(func $list (param $at i32) (param $length i32) (result i32)
  (i32.store offset=4 (i32.const 1024) (local.get $at))
  (i32.store offset=8 (i32.const 1024) (local.get $length))
  (call $ok))

;; A failure; class 0 blames the config, 1 the input, 2 the plugin. Without a length there is no place.
(func $fail
  (param $class i32) (param $code i32) (param $code_length i32) (param $at i32) (param $at_length i32)
  (param $message i32) (param $message_length i32) (result i32)
  (i32.store8 (i32.const 1024) (i32.const 1))
  (i32.store8 offset=4 (i32.const 1024) (local.get $class))
  (i32.store offset=8 (i32.const 1024) (local.get $code))
  (i32.store offset=12 (i32.const 1024) (local.get $code_length))
  (i32.store8 offset=16 (i32.const 1024) (i32.ne (local.get $at_length) (i32.const 0)))
  (i32.store offset=20 (i32.const 1024) (local.get $at))
  (i32.store offset=24 (i32.const 1024) (local.get $at_length))
  (i32.store offset=28 (i32.const 1024) (local.get $message))
  (i32.store offset=32 (i32.const 1024) (local.get $message_length))
  (i32.const 1024))

;; The answer of `describe`. Without a length there is no schema.
(func $info (param $schema i32) (param $schema_length i32) (result i32)
  (i32.store (i32.const 1024) (i32.const 16))
  (i32.store offset=4 (i32.const 1024) (i32.const 5))
  (i32.store offset=8 (i32.const 1024) (i32.const 32))
  (i32.store offset=12 (i32.const 1024) (i32.const 5))
  (i32.store8 offset=16 (i32.const 1024) (i32.ne (local.get $schema_length) (i32.const 0)))
  (i32.store offset=20 (i32.const 1024) (local.get $schema))
  (i32.store offset=24 (i32.const 1024) (local.get $schema_length))
  (i32.const 1024))

;; Writes one entry of the list at 2048.
(func $entry
  (param $index i32) (param $key i32) (param $key_length i32) (param $value i32) (param $value_length i32)
  (local $at i32)
  (local.set $at (i32.add (i32.const 2048) (i32.mul (local.get $index) (i32.const 24))))
  (i32.store (local.get $at) (local.get $key))
  (i32.store offset=4 (local.get $at) (local.get $key_length))
  (i32.store offset=8 (local.get $at) (local.get $value))
  (i32.store offset=12 (local.get $at) (local.get $value_length))
  (i64.store offset=16 (local.get $at) (i64.const 0)))

;; Writes one need of the list at 2048; part 1 is the private one.
(func $need (param $alias i32) (param $alias_length i32) (param $part i32)
  (i32.store (i32.const 2048) (local.get $alias))
  (i32.store offset=4 (i32.const 2048) (local.get $alias_length))
  (i32.store8 offset=8 (i32.const 2048) (local.get $part)))
