//! One command for the server that has its key, and the script that it may be the call of.

use super::slots::slot;
use redis::{Arg, Cmd, Script};

/// A command.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) command: Cmd,
    /// Of its key; the request goes to whoever has that slot.
    pub(super) slot: u16,
    /// Whether it must not reach a server twice, be its answer lost.
    pub(super) once: bool,
    /// If the command calls a script.
    script: Option<&'static Script>,
}

impl Request {
    /// The command `name` about the key `key`, which is its first argument.
    pub(super) fn new(name: &str, key: &[u8]) -> Self {
        let mut command = redis::cmd(name);
        command.arg(key);
        Self {
            command,
            slot: slot(key),
            once: false,
            script: None,
        }
    }

    /// A call of `script` with these keys, which lie in one slot.
    pub(super) fn script(script: &'static Script, keys: &[&[u8]]) -> Self {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script.get_hash()).arg(keys.len());
        for key in keys {
            command.arg(*key);
        }
        Self {
            command,
            slot: keys.first().map_or(0, |key| slot(key)),
            once: false,
            script: Some(script),
        }
    }

    /// With one more argument.
    pub(super) fn arg(mut self, argument: impl redis::ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }

    /// Not to be sent again after its answer was lost.
    pub(super) fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// The same for a server that does not have the script yet; `None` if it is no call of one.
    pub(super) fn spelled_out(&self) -> Option<Self> {
        let script = self.script?;
        let mut command = redis::cmd("EVAL");
        command.arg(super::scripts::code(script));
        for argument in self.command.args_iter().skip(2) {
            if let Arg::Simple(bytes) = argument {
                command.arg(bytes);
            }
        }
        Some(Self {
            command,
            slot: self.slot,
            once: self.once,
            script: None,
        })
    }
}
