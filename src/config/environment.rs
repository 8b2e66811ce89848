//! The environment of the command line: an empty variable counts as unset.

use std::ffi::{OsStr, OsString};

use clap::{
    Arg, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser as _,
    builder::Resettable,
    error::{Error, ErrorKind},
    parser::ValueSource,
};

use super::{Cli, Command, NAMESPACE};

/// The command line: `arguments`, which start with the program's name, and `environment` for the flags that `arguments`
/// lack. A variable that is empty, white space or a list of only those counts as unset.
///
/// # Errors
/// clap's output for help, for the version and for a wrong command line.
pub fn parse<A>(
    arguments: A,
    environment: impl Fn(&OsStr) -> Option<OsString>,
) -> Result<Cli, Error>
where
    A: IntoIterator<Item: Into<OsString>>,
{
    let mut arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    // clap itself takes an empty variable as a value.
    let command =
        Cli::command().mut_subcommands(|call| call.mut_args(|flag| flag.env(Resettable::Reset)));
    let given = match command.clone().try_get_matches_from(&arguments) {
        // Help lists the variables.
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            return Cli::try_parse_from(arguments);
        }
        given => given?,
    };
    arguments.extend(variables(&given, environment));
    let mut matches = command.try_get_matches_from(arguments)?;
    let mut cli = Cli::from_arg_matches_mut(&mut matches)?;
    if let Command::Run(run) = &mut cli.command
        && !run.scope.drop_empty_namespaces()
    {
        let message = format!("--namespace: {NAMESPACE}");
        return Err(Cli::command().error(ErrorKind::InvalidValue, message));
    }
    Ok(cli)
}

/// Flags for what the environment sets and `given` lacks.
fn variables(
    given: &ArgMatches,
    environment: impl Fn(&OsStr) -> Option<OsString>,
) -> Vec<OsString> {
    let command = Cli::command();
    let call = given.subcommand().and_then(|(name, flags)| {
        let call = command.find_subcommand(name)?;
        Some((call, flags))
    });
    let Some((call, flags)) = call else {
        return Vec::new();
    };
    let flag = |flag: &Arg| {
        let value = environment(flag.get_env()?)?;
        let given = flags.value_source(flag.get_id().as_str()) == Some(ValueSource::CommandLine);
        if given || is_empty(&value, flag.get_value_delimiter()) {
            return None;
        }
        let mut argument = OsString::from(format!("--{}=", flag.get_long()?));
        argument.push(value);
        Some(argument)
    };
    call.get_arguments().filter_map(flag).collect()
}

/// Whether `value` is empty, or every entry of it if `delimiter` makes it a list.
fn is_empty(value: &OsStr, delimiter: Option<char>) -> bool {
    let items = |text: &str| {
        text.split(|char| Some(char) == delimiter)
            .all(|item| item.trim().is_empty())
    };
    value.to_str().is_some_and(items)
}
