//! Glob patterns over text: `*` any run, `?` any one character, `[abc]` `[a-z]` `[!a-z]` one of a set, `\x` the character x.
//!
//! Matching walks pattern and text once and, when stuck, returns only to the last `*`: at most `pattern × text` steps,
//! never exponential, no recursion. For a user's pattern over a whole cache that is the difference between a scan and
//! an outage. A `[` that is never closed stands for itself, as in a shell; so does a `\` at the very end.

/// A pattern, compiled once and matched many times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Run,
    Any,
    One(char),
    Set {
        negated: bool,
        ranges: Box<[(char, char)]>,
    },
}

impl Token {
    /// Whether this token, which is not a [`Token::Run`], takes `c`.
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Run => false,
            Self::Any => true,
            Self::One(one) => *one == c,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|&(low, high)| (low..=high).contains(&c)) != *negated
            }
        }
    }
}

impl Glob {
    /// Compiles `pattern`; every text is a pattern.
    pub fn new(pattern: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = pattern.chars();
        // Where one set is not closed no later one is; asking only once keeps this linear.
        let mut closed = true;
        while let Some(c) = rest.next() {
            let token = match c {
                '*' if tokens.last() == Some(&Token::Run) => continue,
                '*' => Token::Run,
                '?' => Token::Any,
                '\\' => Token::One(rest.next().unwrap_or('\\')),
                '[' if closed => {
                    if let Some((token, after)) = set(rest.as_str()) {
                        rest = after.chars();
                        token
                    } else {
                        closed = false;
                        Token::One('[')
                    }
                }
                c => Token::One(c),
            };
            tokens.push(token);
        }
        Self { tokens }
    }

    /// Whether the whole of `text` fits the pattern.
    pub fn matches(&self, text: &str) -> bool {
        let tokens = &self.tokens[..];
        let mut at = 0;
        let mut rest = text.chars();
        // Where to go on when stuck: behind the last run, which then takes one character more.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let before = rest.clone();
            match (tokens.get(at), rest.next()) {
                (None, None) => return true,
                (Some(Token::Run), _) => {
                    at += 1;
                    if at == tokens.len() {
                        return true;
                    }
                    rest = before.clone();
                    retry = Some((at, before));
                }
                (Some(token), Some(c)) if token.takes(c) => at += 1,
                // The text is used up and something is still wanted: a longer run cannot help.
                (Some(_), None) => return false,
                _ => {
                    let Some((behind, from)) = &mut retry else {
                        return false;
                    };
                    if from.next().is_none() {
                        return false;
                    }
                    at = *behind;
                    rest = from.clone();
                }
            }
        }
    }

    /// The text before the first wildcard: what every match begins with.
    pub fn prefix(&self) -> String {
        let literal = self.tokens.iter().map_while(|token| match token {
            Token::One(c) => Some(*c),
            _ => None,
        });
        literal.collect()
    }
}

/// The set whose text, behind its `[`, begins `text`, and what follows its `]`; `None` if it is never closed.
fn set(text: &str) -> Option<(Token, &str)> {
    let mut rest = text.chars();
    let negated = text.starts_with('!');
    if negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    let mut first = true;
    loop {
        let low = match rest.next()? {
            // Right behind the opening a `]` is a member, so that it can be one at all.
            ']' if !first => {
                let ranges = ranges.into_boxed_slice();
                return Some((Token::Set { negated, ranges }, rest.as_str()));
            }
            '\\' => rest.next()?,
            c => c,
        };
        first = false;
        let mut ahead = rest.clone();
        let high = match (ahead.next(), ahead.next()) {
            (Some('-'), Some('\\')) => {
                let high = ahead.next()?;
                rest = ahead;
                high
            }
            (Some('-'), Some(high)) if high != ']' => {
                rest = ahead;
                high
            }
            _ => low,
        };
        ranges.push((low, high));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, by plain recursion.
    fn reference(tokens: &[Token], text: &[char]) -> bool {
        match (tokens, text) {
            ([], []) => true,
            ([Token::Run, others @ ..], _) => {
                (0..=text.len()).any(|taken| reference(others, &text[taken..]))
            }
            ([token, others @ ..], [c, text @ ..]) => token.takes(*c) && reference(others, text),
            _ => false,
        }
    }

    #[test]
    fn knows_the_grammar() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("user:*", "user:42", true),
            ("user:*", "users:42", false),
            ("*:42", "user:42", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?", "é", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[!a-c]x", "dx", true),
            ("[a-c", "[a-c", true),
            ("[]a]", "]", true),
            ("[!]a]", "]", false),
            ("[a-]", "-", true),
            ("[\\]]", "]", true),
            ("[+-\\]]", "A", true),
            ("[c-a]", "b", false),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("a\\", "a\\", true),
            ("**a", "bca", true),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(text),
                expected,
                "{pattern} {text}"
            );
        }
        assert_eq!(Glob::new("user:\\*:[ab]*").prefix(), "user:*:");
    }

    #[test]
    fn sets_that_are_never_closed_compile_in_one_pass() {
        let pattern = "[".repeat(1_000_000);
        assert!(Glob::new(&pattern).matches(&pattern));
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_the_product() {
        let glob = Glob::new(&"a*".repeat(500));
        let text = "a".repeat(20_000) + "b";
        assert!(glob.matches(&text));
        assert!(!Glob::new(&("a*".repeat(500) + "c")).matches(&text));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*?\\[\\]!\\\\-]{0,8}", text in "[ab\\]!-]{0,8}") {
            let glob = Glob::new(&pattern);
            let characters: Vec<char> = text.chars().collect();
            prop_assert_eq!(glob.matches(&text), reference(&glob.tokens, &characters));
        }

        #[test]
        fn an_escaped_text_matches_itself_only(text in "\\PC{0,12}", other in "\\PC{0,12}") {
            let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
            let glob = Glob::new(&escaped);
            prop_assert!(glob.matches(&text));
            prop_assert_eq!(glob.matches(&other), text == other);
            prop_assert_eq!(glob.prefix(), text);
        }
    }
}
