//! The macros that make a section from its rows: one row is all that a key needs.
//!
//! ```text
//! /// What the reference, the example and editors say about the key.
//! FIELD: TYPE = KIND, FALLBACK, example("VALUE IN TOML"), FLAGS...;
//! ```
//!
//! KIND is a type of `kinds` that reads a TYPE. FALLBACK is what applies if the key is missing:
//!
//! - `default(VALUE)`: this value. The reference shows it.
//! - `default(VALUE, "words")`: this value, which the reference describes by the words.
//! - `none("words")`: no value; the words describe what applies. TYPE is an `Option`.
//! - `required()`: a mistake. TYPE is an `Option`, which is `None` after the mistake was reported.
//!
//! FLAGS are the methods of `ConfigKey`: `instead()`, `quiet()`, `or("other_key")`, `formerly("old_name")`.
//!
//! [`settings!`] makes a struct with the effective values. [`layer!`] makes one with the values of one text, to be
//! merged over another; its rows may name the field of the [`Dialect`](crate::oauth::dialect::Dialect) that they set:
//! `FIELD: TYPE = KIND => DIALECT_FIELD, ...`.

/// A section as data.
macro_rules! section_of_rows {
    ($form:ident $(($sample:literal))?, $path:literal, $effect:ident, $about:expr,
     [$($key:ident: $kind:ty, $fallback:ident $told:tt, $example:literal, $doc:expr, [$($flag:ident($($arg:literal)?)),*];)*]) => {
        $crate::config::schema::Section {
            path: $path,
            form: $crate::config::schema::SectionForm::$form $(($sample))?,
            doc: $about.trim_ascii_start(),
            takes_effect: $crate::config::schema::TakesEffect::$effect,
            keys: &[$(
                $crate::config::schema::ConfigKey::new(
                    stringify!($key),
                    <$kind as $crate::config::kind::Kind>::KIND,
                    $crate::config::row::fallback!($kind, $fallback $told),
                    $example,
                    $doc,
                )$(.$flag($($arg)?))*,
            )*],
        }
    };
}

/// The fallback of a key, as data.
macro_rules! fallback {
    ($kind:ty, required()) => {
        $crate::config::schema::Fallback::Required
    };
    ($kind:ty, none($words:expr)) => {
        $crate::config::schema::Fallback::Words($words)
    };
    ($kind:ty, default($value:expr, $words:expr)) => {
        $crate::config::schema::Fallback::Words($words)
    };
    ($kind:ty, default($value:expr)) => {
        $crate::config::schema::Fallback::Value(|| $crate::config::kind::told::<$kind>(&$value))
    };
}

/// The value that was read, or the default.
macro_rules! or_default {
    ($read:expr, required()) => {
        $read
    };
    ($read:expr, none($words:expr)) => {
        $read
    };
    ($read:expr, default($value:expr $(, $words:expr)?)) => {
        $read.unwrap_or_else(|| $value)
    };
}

/// The value of a field, if it has one: with a default, it always does.
macro_rules! if_any {
    ($field:expr, default($($rest:tt)*)) => {
        Some(&$field)
    };
    ($field:expr, $none:ident($($words:expr)?)) => {
        $field.as_ref()
    };
}

/// The same, by value.
macro_rules! wrapped {
    ($value:expr, default($($rest:tt)*)) => {
        Some($value)
    };
    ($value:expr, $none:ident($($words:expr)?)) => {
        $value
    };
}

/// A section whose fields have the effective values.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        section $path:literal, $form:ident $(($sample:literal))?, $effect:ident;
        $vis:vis struct $Settings:ident, static $SECTION:ident;
        $(
            $(#[doc = $doc:literal])+
            $key:ident: $type:ty = $kind:ty, $fallback:ident $told:tt, example($example:literal)
            $(, $flag:ident($($arg:literal)?))*;
        )*
    ) => {
        pub(crate) static $SECTION: $crate::config::schema::Section = $crate::config::row::section_of_rows!(
            $form $(($sample))?, $path, $effect, concat!($($about),+),
            [$($key: $kind, $fallback $told, $example, concat!($($doc),+), [$($flag($($arg)?)),*];)*]
        );

        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        $vis struct $Settings {
            $($(#[doc = $doc])+ $vis $key: $type,)*
        }

        impl $Settings {
            /// Reads the section, with the defaults for keys that are not set.
            pub(crate) fn read(section: Option<&$crate::config::reader::SectionReader<'_>>) -> Self {
                $(
                    let $key = section.and_then(|section| <$kind as $crate::config::kind::Kind>::take(section, stringify!($key)));
                )*
                Self { $($key: $crate::config::row::or_default!($key, $fallback $told),)* }
            }

            /// Every key with its value, to be shown.
            #[allow(dead_code, reason = "not every section is shown by its keys")]
            pub(crate) fn shown(&self) -> Vec<$crate::config::kind::ShownKey> {
                vec![$((
                    stringify!($key),
                    $crate::config::row::if_any!(self.$key, $fallback $told)
                        .and_then(<$kind as $crate::config::kind::Kind>::show),
                ),)*]
            }
        }
    };
}

/// A section whose fields have the values of one text; `None` if a key is not set.
macro_rules! layer {
    (
        $(#[doc = $about:literal])+
        section $path:literal, $form:ident $(($sample:literal))?, $effect:ident;
        $vis:vis struct $Layer:ident for $Target:ty, static $SECTION:ident;
        $(
            $(#[doc = $doc:literal])+
            $key:ident: $type:ty = $kind:ty $(=> $($field:ident).+)?, $fallback:ident $told:tt, example($example:literal)
            $(, $flag:ident($($arg:literal)?))*;
        )*
    ) => {
        pub(crate) static $SECTION: $crate::config::schema::Section = $crate::config::row::section_of_rows!(
            $form $(($sample))?, $path, $effect, concat!($($about),+),
            [$($key: $kind, $fallback $told, $example, concat!($($doc),+), [$($flag($($arg)?)),*];)*]
        );

        /// The keys of a provider in one text, or in several merged ones; `None` if a key is not set.
        #[derive(Debug, Clone, Default)]
        $vis struct $Layer {
            $($(#[doc = $doc])+ $vis $key: Option<$type>,)*
        }

        impl $Layer {
            /// Reads the section.
            $vis fn read(section: &$crate::config::reader::SectionReader<'_>) -> Self {
                Self { $($key: <$kind as $crate::config::kind::Kind>::take(section, stringify!($key)),)* }
            }

            /// Merges these keys over those of `below`.
            $vis fn over(self, below: Self) -> Self {
                Self { $($key: $crate::config::kind::over::<$kind>(self.$key, below.$key),)* }
            }

            /// Sets the fields that rows name, with the defaults for keys that are not set.
            $vis fn apply(self, target: &mut $Target) {
                $($(target.$($field).+ = $crate::config::row::or_default!(self.$key, $fallback $told);)?)*
            }

            /// The keys that would set the fields that rows name to these values.
            $vis fn of(target: &$Target) -> Self {
                Self {
                    $($($key: $crate::config::row::wrapped!(target.$($field).+.clone(), $fallback $told),)?)*
                    ..Self::default()
                }
            }

            /// Every key with its value, to be shown.
            $vis fn shown(&self) -> Vec<$crate::config::kind::ShownKey> {
                vec![$((
                    stringify!($key),
                    self.$key.as_ref().and_then(<$kind as $crate::config::kind::Kind>::show),
                ),)*]
            }
        }
    };
}

pub(crate) use {fallback, if_any, layer, or_default, section_of_rows, settings, wrapped};
