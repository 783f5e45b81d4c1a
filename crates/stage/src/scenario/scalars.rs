//! Single values of the file that have a form of their own.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

/// The text of a span of time, or of a range of them.
pub(super) struct DurationText(pub(super) String);

/// A number, with or without a decimal point.
#[derive(Clone, Copy)]
pub(super) struct Number(pub(super) f64);

/// The text that a record's field is to have; numbers and truth values are written as records write them.
#[derive(Clone)]
pub(super) struct FieldText(pub(super) String);

/// How often: a number, or the text of a range.
pub(super) enum Times {
    Exactly(i64),
    Range(String),
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = DurationText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text such as \"90s\" or \"1m30s\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<DurationText, E> {
                Ok(DurationText(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
                Ok(Number(number))
            }
            // Every number that is accepted later is far below 2^53, where this is exact.
            fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for FieldText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = FieldText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, true or false")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<FieldText, E> {
                Ok(FieldText(text.to_owned()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<FieldText, E> {
                Ok(FieldText(number.to_string()))
            }
            fn visit_bool<E: Error>(self, truth: bool) -> Result<FieldText, E> {
                Ok(FieldText(truth.to_string()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Times;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number such as 2 or a range such as \"1..3\"")
            }
            fn visit_i64<E: Error>(self, times: i64) -> Result<Times, E> {
                Ok(Times::Exactly(times))
            }
            fn visit_str<E: Error>(self, range: &str) -> Result<Times, E> {
                Ok(Times::Range(range.to_owned()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Bytes: a list of numbers, or the text of two hexadecimal digits for each.
pub(super) enum Bytes {
    Numbers(Vec<i64>),
    Hex(String),
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers such as [0, 255] or hexadecimal digits such as \"00ff\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
                Ok(Bytes::Hex(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bytes, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = list.next_element()? {
                    numbers.push(number);
                }
                Ok(Bytes::Numbers(numbers))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// What a signal does: a word, or a table that says how long it takes to end.
pub(super) enum OnSignal {
    Ends,
    Ignores,
    EndsAfter(Spanned<DurationText>),
}

impl<'de> Deserialize<'de> for OnSignal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            ends_after: Spanned<DurationText>,
        }
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = OnSignal;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"ends\", \"ignores\" or { ends_after = \"2s\" }")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<OnSignal, E> {
                match text {
                    "ends" => Ok(OnSignal::Ends),
                    "ignores" => Ok(OnSignal::Ignores),
                    other => Err(E::unknown_variant(other, &["ends", "ignores"])),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OnSignal, A::Error> {
                let Table { ends_after } = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(OnSignal::EndsAfter(ends_after))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Whether something is on, or how it is.
pub(super) enum Switch<T> {
    Is(bool),
    As(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Switch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Any<T> {
            type Value = Switch<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or a table")
            }
            fn visit_bool<E: Error>(self, on: bool) -> Result<Switch<T>, E> {
                Ok(Switch::Is(on))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Switch<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Switch::As)
            }
        }
        deserializer.deserialize_any(Any(std::marker::PhantomData))
    }
}
