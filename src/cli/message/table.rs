//! How a table of messages is written: a row gives a function that makes the failure, and a row of `docs/errors.md`.

/// Rows of `name(arguments) Code "text", "hint", "cause";`. What is in braces, a function takes as arguments.
macro_rules! messages {
    ($($name:ident($($argument:ident),*) $code:ident $text:literal, $hint:literal, $cause:literal;)+) => {
        $(
            #[doc = concat!("\"", $text, "\": ", $cause, ".")]
            pub(crate) fn $name($($argument: impl std::fmt::Display),*) -> $crate::cli::failure::Failure {
                let code = $crate::contract::ErrorCode::$code;
                $crate::cli::failure::Failure::new(code, format!($text), format!($hint))
            }
        )+

        /// Every row with its cause; an argument is its name.
        #[cfg(test)]
        pub(super) fn all() -> Vec<($crate::cli::failure::Failure, &'static str)> {
            vec![$(($name($($crate::cli::message::table::placeholder(stringify!($argument))),*), $cause)),+]
        }
    };
}

pub(super) use messages;

/// What stands for an argument in the document: its name, in capitals.
#[cfg(test)]
pub(super) fn placeholder(argument: &str) -> String {
    argument.to_uppercase().replace('_', " ")
}
