//! What the server does in one step. Each script names all the keys it touches, and they lie in one slot.
//!
//! An entry is eight bytes that no other write has, its *nonce*, and a record: see [`crate::far::record`]. Nonce and header
//! together are its *head*. A lease is its token, the nonce that the entry had when it began (or zeros), and its owner.

use redis::Script;
use std::sync::LazyLock;

/// `head(entry)`: its head; less if there is none.
macro_rules! head {
    () => {
        "
local function head(key)
    local h = redis.call('GETRANGE', key, 0, 67)
    if #h < 68 then return h end
    local a, b, c, d = string.byte(h, 41, 44)
    local more = a + b * 256 + c * 65536 + d * 16777216
    if string.byte(h, 13) >= 128 then more = more + 8 end
    if more == 0 then return h end
    return redis.call('GETRANGE', key, 0, 67 + more)
end
"
    };
}

/// `micros(given)`: the server's time in microseconds; the given one, of the caller's clock, if the user may not ask for it.
macro_rules! micros {
    () => {
        "
local function micros(given)
    local t = redis.pcall('TIME')
    if t.err then return tonumber(given) end
    return t[1] * 1000000 + t[2]
end
"
    };
}

/// `finish(entry, lease, channel)`: ends the lease, and tells who waits for that.
macro_rules! finish {
    () => {
        "
local function finish(entry, lease, channel)
    if redis.call('DEL', lease) == 1 then
        redis.pcall('PUBLISH', channel, 'L' .. entry)
    end
end
"
    };
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $($part:expr),+;)*) => {
        $($(#[$doc])* pub(super) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(concat!($($part),+)));)*

        /// Makes all of them, so that no thread does while a process is forked.
        pub(super) fn prepare() {
            $(LazyLock::force(&$name);)*
        }

        /// The text of `script`.
        pub(super) fn code(script: &Script) -> &'static str {
            $(if script.get_hash() == $name.get_hash() { return concat!($($part),+); })*
            ""
        }
    };
}

scripts! {
    /// `entry lease | channel`: removes an entry, and ends its lease; its head.
    REMOVE = head!(), finish!(), "
local h = head(KEYS[1])
finish(KEYS[1], KEYS[2], ARGV[1])
if #h == 0 then return false end
redis.call('UNLINK', KEYS[1])
return h
";

    /// `entry lease | channel`: the same; all of it.
    TAKE = finish!(), "
local v = redis.call('GET', KEYS[1])
finish(KEYS[1], KEYS[2], ARGV[1])
if v then redis.call('UNLINK', KEYS[1]) end
return v
";

    /// `entry`: its head.
    HEAD = head!(), "return head(KEYS[1])";

    /// `entry lease | channel`: ends the lease of an entry that will be invalidated; its head.
    STOP = head!(), finish!(), "
finish(KEYS[1], KEYS[2], ARGV[1])
return head(KEYS[1])
";

    /// `entry | head header px`: another header of the same length and another end, if the head is this one still.
    REWRITE = "
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
redis.call('SETRANGE', KEYS[1], 8, ARGV[2])
if ARGV[3] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
";

    /// `entry | head`: removes the entry, if its head is this one still.
    DROP = "
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1])
return 1
";

    /// `entry lease | value px mode version token now_high now_low alive dead channel`: writes an entry under conditions.
    ///
    /// 1 if it was written, 0 if a condition did not hold, 2 if that depends on tags: then the caller judges the entry, and
    /// calls again with its nonce as the one that is alive, or dead.
    PUT = finish!(), "
local h = redis.call('GETRANGE', KEYS[1], 0, 39)
local nonce = string.sub(h, 1, 8)
-- The answer to an earlier try may have been lost.
if nonce == string.sub(ARGV[1], 1, 8) then return 1 end
local mode, token = ARGV[3], ARGV[5]
if token ~= '' then
    local l = redis.call('GET', KEYS[2])
    if not l or string.sub(l, 1, 8) ~= token then return 0 end
    if #nonce == 8 and nonce ~= string.sub(l, 9, 16) then return 0 end
end
if mode ~= 'always' then
    local there = #h == 40 and nonce ~= ARGV[9]
    if there and nonce ~= ARGV[8] then
        local a, b, c, d, e, f, g, i = string.byte(h, 33, 40)
        local high, low = e + f * 256 + g * 65536 + i * 16777216, a + b * 256 + c * 65536 + d * 16777216
        local now_high, now_low = tonumber(ARGV[6]), tonumber(ARGV[7])
        if high < now_high or (high == now_high and low <= now_low) then
            there = false
        elseif string.byte(h, 15) + string.byte(h, 16) > 0 then
            return 2
        end
    end
    if mode == 'add' then
        if there then return 0 end
    elseif not there or (mode == 'version' and nonce ~= ARGV[4]) then
        return 0
    end
end
if ARGV[2] == '' then
    redis.call('SET', KEYS[1], ARGV[1])
else
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
if token ~= '' then finish(KEYS[1], KEYS[2], ARGV[10]) end
return 1
";

    /// `entry lease | token owner ttl`: asks for the lease; `{1, token}`, or `{0, lease, milliseconds}` of who has it.
    LEASE = "
local l = redis.call('GET', KEYS[2])
if l then
    if string.sub(l, 17) ~= ARGV[2] then return {0, l, redis.call('PTTL', KEYS[2])} end
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
    return {1, string.sub(l, 1, 8)}
end
local nonce = redis.call('GETRANGE', KEYS[1], 0, 7)
if #nonce < 8 then nonce = string.rep('\\0', 8) end
redis.call('SET', KEYS[2], ARGV[1] .. nonce .. ARGV[2], 'PX', ARGV[3])
return {1, ARGV[1]}
";

    /// `lease | token ttl`: keeps a lease for longer; whether it holds.
    RENEW = "
local l = redis.call('GETRANGE', KEYS[1], 0, 7)
if l ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
";

    /// `entry lease | token channel`: ends a lease; whether it held. Without a token, whoever has it.
    RELEASE = finish!(), "
if ARGV[1] ~= '' and redis.call('GETRANGE', KEYS[2], 0, 7) ~= ARGV[1] then return 0 end
finish(KEYS[1], KEYS[2], ARGV[2])
return 1
";

    /// `tags | micros`: the generation, the floor and the first generation; made if there are none.
    BEGIN = micros!(), "
local k = redis.call('HMGET', KEYS[1], 'g', 'f', 'b')
if k[1] then return k end
local g = string.format('%.0f', micros(ARGV[1]))
redis.call('HSET', KEYS[1], 'g', g, 'f', g, 'b', g)
return {g, g, g}
";

    /// `tags | channel message hard now micros tag...`: invalidates tags; the generation, and how many are remembered.
    INVALIDATE = micros!(), "
local now = micros(ARGV[5])
local g = redis.call('HGET', KEYS[1], 'g')
if not g then
    g = now
    local first = string.format('%.0f', now)
    redis.call('HSET', KEYS[1], 'f', first, 'b', first)
end
g = string.format('%.0f', math.max(tonumber(g) + 1, now))
redis.call('HSET', KEYS[1], 'g', g)
for i = 6, #ARGV do
    local field = 't' .. ARGV[i]
    local hard = g
    if ARGV[3] == '0' then
        local old = redis.call('HGET', KEYS[1], field)
        hard = old and string.match(old, '^%d+') or '0'
    end
    redis.call('HSET', KEYS[1], field, hard .. ' ' .. g .. ' ' .. ARGV[4])
end
redis.pcall('PUBLISH', ARGV[1], ARGV[2])
return {g, redis.call('HLEN', KEYS[1])}
";

    /// `tags | floor field...`: forgets tags that were not invalidated since the floor, and whatever is older with them.
    FORGET = "
local floor = tonumber(ARGV[1])
if floor > tonumber(redis.call('HGET', KEYS[1], 'f') or '0') then redis.call('HSET', KEYS[1], 'f', ARGV[1]) end
local gone = 0
for i = 2, #ARGV do
    local known = redis.call('HGET', KEYS[1], ARGV[i])
    if known and tonumber(string.match(known, '^%d+ (%d+)')) <= floor then
        gone = gone + redis.call('HDEL', KEYS[1], ARGV[i])
    end
end
return gone
";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_script_is_found() {
        assert!(code(&REMOVE).contains("UNLINK"));
        assert_eq!(Script::new(code(&PUT)).get_hash(), PUT.get_hash());
    }
}
