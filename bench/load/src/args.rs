//! Command lines of the form `--name value`.

use std::collections::HashMap;
use std::str::FromStr;

/// The parsed command line: every option once, each with a value.
pub struct Args {
    values: HashMap<String, String>,
}

impl Args {
    /// Parses this process's command line.
    ///
    /// # Errors
    /// A message naming the argument: not an option of `known`, given twice, or without a value.
    pub fn from_env(known: &[&str]) -> Result<Self, String> {
        Self::parse(lexopt::Parser::from_env(), known)
    }

    fn parse(mut parser: lexopt::Parser, known: &[&str]) -> Result<Self, String> {
        let mut values = HashMap::new();
        while let Some(arg) = parser.next().map_err(|e| e.to_string())? {
            let lexopt::Arg::Long(name) = arg else {
                return Err(format!("{arg:?}: expected one of --{}", known.join(", --")));
            };
            let name = name.to_owned();
            if !known.contains(&name.as_str()) {
                return Err(format!("--{name}: expected one of --{}", known.join(", --")));
            }
            let value = parser.value().map_err(|e| e.to_string())?;
            let value = value
                .into_string()
                .map_err(|_| format!("--{name}: the value is not UTF-8"))?;
            if values.insert(name.clone(), value).is_some() {
                return Err(format!("--{name}: given twice"));
            }
        }
        Ok(Self { values })
    }

    /// The value of `--name`, or `default` where it was not given.
    ///
    /// # Errors
    /// A message naming the option and the value that does not parse.
    pub fn get<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        match self.values.get(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("--{name}: cannot read {text:?}")),
        }
    }

    /// The value of `--name`, which must be given.
    ///
    /// # Errors
    /// A message naming the option: missing, or its value does not parse.
    pub fn need<T: FromStr>(&self, name: &str) -> Result<T, String> {
        let text = self.values.get(name).ok_or_else(|| format!("--{name}: missing"))?;
        text.parse().map_err(|_| format!("--{name}: cannot read {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Args;

    fn parse(args: &[&str]) -> Result<Args, String> {
        Args::parse(lexopt::Parser::from_args(args), &["rate", "count"])
    }

    #[test]
    fn reads_values_and_defaults() {
        let args = parse(&["--rate", "10"]).unwrap();
        assert_eq!(args.need::<u32>("rate"), Ok(10));
        assert_eq!(args.get("count", 7_u32), Ok(7));
    }

    #[test]
    fn names_what_is_wrong() {
        for (args, word) in [
            (&["--speed", "1"][..], "speed"),
            (&["--rate"][..], "rate"),
            (&["--rate", "1", "--rate", "2"][..], "rate: given twice"),
            (&["5"][..], "expected one of"),
        ] {
            let error = parse(args).err().unwrap_or_default();
            assert!(error.contains(word), "{error:?} should contain {word:?}");
        }
        let args = parse(&["--rate", "x"]).unwrap();
        assert_eq!(args.need::<u32>("rate"), Err("--rate: cannot read \"x\"".into()));
        assert_eq!(args.need::<u32>("count"), Err("--count: missing".into()));
    }
}
