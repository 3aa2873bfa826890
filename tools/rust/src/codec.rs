//! How a container's records stand in a messages event (`SPEC.md` section 5.3).

use serde::{de::DeserializeOwned, Serialize};

use crate::raw::{MessagesView, Records};
use crate::{Error, ErrorCode};

/// A record that is its bytes: `bytemuck::Pod`, which one's own types derive. It is copied into the
/// segment as it stands, and a view of it is read in place.
///
/// ```
/// use bytemuck::{Pod, Zeroable};
///
/// #[repr(C)]
/// #[derive(Clone, Copy, Pod, Zeroable)]
/// struct Trade { account: u64, amount: f64 }
///
/// impl tidemark::Plain for Trade {
///     fn name() -> String { "trade".into() }
/// }
/// ```
pub trait Plain: bytemuck::Pod {
    /// The stream's container name, at most 63 bytes, so that records of one size are not mistaken
    /// for each other.
    fn name() -> String {
        format!("record of {} bytes", std::mem::size_of::<Self>())
    }
}
macro_rules! plain {
    ($($type:ty => $name:literal),*) => {
        $(impl Plain for $type { fn name() -> String { $name.into() } })*
    };
}
plain!(u8 => "u8", u16 => "u16", u32 => "u32", u64 => "u64", u128 => "u128", usize => "u64",
       i8 => "i8", i16 => "i16", i32 => "i32", i64 => "i64", i128 => "i128", isize => "i64",
       f32 => "f32", f64 => "f64");
impl<D: Plain, const N: usize> Plain for [D; N]
where
    [D; N]: bytemuck::Pod,
{
    fn name() -> String {
        format!("{} x {N}", D::name())
    }
}

/// What a codec needs to keep from one container to the next: bytes, and where records end in them.
#[derive(Default)]
pub struct Encoded {
    /// All records, one after the other.
    pub bytes: Vec<u8>,
    /// Where each of them ends.
    pub ends: Vec<u32>,
}

impl Encoded {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
    fn end_record(&mut self) -> Result<(), Error> {
        let end = u32::try_from(self.bytes.len())
            .map_err(|_| Error::new(ErrorCode::TooLarge, "a container of 4 GiB and more"))?;
        self.ends.push(end);
        Ok(())
    }
}

/// How containers `C` stand in a log. [`Native`] and [`Serde`] are two; one's own are like them.
pub trait Codec<C> {
    /// Bytes of each record where all have one length.
    const STRIDE: Option<usize>;
    /// What the stream's headers call the container, at most 63 bytes. A stream of another name is
    /// refused.
    fn name() -> String;
    /// Whether a stream whose headers call its containers so can be read.
    fn reads(name: &str) -> bool {
        name == Self::name()
    }
    /// The container as records. `scratch` is empty or what was in it before.
    fn encode<'a>(container: &'a C, scratch: &'a mut Encoded) -> Result<Records<'a>, Error>;
    /// The container of the records.
    fn decode(messages: &MessagesView<'_>) -> Result<C, Error>;
}

/// Records as they are: [`Plain`] ones, `String` and `Vec<u8>`.
pub struct Native;

impl<D: Plain> Codec<Vec<D>> for Native {
    const STRIDE: Option<usize> = Some(std::mem::size_of::<D>());
    fn name() -> String {
        D::name()
    }
    fn encode<'a>(container: &'a Vec<D>, _: &'a mut Encoded) -> Result<Records<'a>, Error> {
        let bytes = bytemuck::cast_slice(container);
        Ok(Records::Fixed { count: container.len(), bytes })
    }
    fn decode(messages: &MessagesView<'_>) -> Result<Vec<D>, Error> {
        match messages.records_as::<D>() {
            Some(records) => Ok(records.to_vec()),
            // Records of more than 8 bytes' alignment may stand at any place of 8.
            None if messages.stride() == std::mem::size_of::<D>() => {
                let each = messages.data().chunks_exact(messages.stride());
                Ok(each.map(bytemuck::pod_read_unaligned).collect())
            }
            None => Err(Error::new(
                ErrorCode::Corrupt,
                format!("records of {} bytes were expected, found {}", std::mem::size_of::<D>(), messages.stride()),
            )),
        }
    }
}

impl Codec<Vec<String>> for Native {
    const STRIDE: Option<usize> = None;
    fn name() -> String {
        "bytes".into()
    }
    /// The command's lines too.
    fn reads(name: &str) -> bool {
        name == "bytes" || name == "lines"
    }
    fn encode<'a>(container: &'a Vec<String>, _: &'a mut Encoded) -> Result<Records<'a>, Error> {
        Ok(Records::Texts(container))
    }
    fn decode(messages: &MessagesView<'_>) -> Result<Vec<String>, Error> {
        let text = |record: &[u8]| {
            String::from_utf8(record.to_vec())
                .map_err(|error| Error::new(ErrorCode::Corrupt, format!("a record is no UTF-8: {error}")))
        };
        messages.iter().map(text).collect()
    }
}

impl Codec<Vec<Vec<u8>>> for Native {
    const STRIDE: Option<usize> = None;
    fn name() -> String {
        "bytes".into()
    }
    /// The command's lines too.
    fn reads(name: &str) -> bool {
        name == "bytes" || name == "lines"
    }
    fn encode<'a>(container: &'a Vec<Vec<u8>>, _: &'a mut Encoded) -> Result<Records<'a>, Error> {
        Ok(Records::Blobs(container))
    }
    fn decode(messages: &MessagesView<'_>) -> Result<Vec<Vec<u8>>, Error> {
        Ok(messages.iter().map(<[u8]>::to_vec).collect())
    }
}

/// Records of any type that serde knows, each for itself in the format of postcard.
pub struct Serde;

impl<D: Serialize + DeserializeOwned> Codec<Vec<D>> for Serde {
    const STRIDE: Option<usize> = None;
    fn name() -> String {
        "postcard".into()
    }
    fn encode<'a>(container: &'a Vec<D>, scratch: &'a mut Encoded) -> Result<Records<'a>, Error> {
        scratch.clear();
        for record in container {
            let bytes = std::mem::take(&mut scratch.bytes);
            scratch.bytes = postcard::to_extend(record, bytes).map_err(|error| {
                Error::new(ErrorCode::InvalidArgument, format!("a record cannot be encoded: {error}"))
            })?;
            scratch.end_record()?;
        }
        Ok(Records::Delimited { bytes: &scratch.bytes, ends: &scratch.ends })
    }
    fn decode(messages: &MessagesView<'_>) -> Result<Vec<D>, Error> {
        let record = |bytes: &[u8]| match postcard::take_from_bytes::<D>(bytes) {
            Ok((record, [])) => Ok(record),
            Ok((_, rest)) => Err(format!("{} bytes are left", rest.len())),
            Err(error) => Err(error.to_string()),
        };
        let refused = |what| Error::new(ErrorCode::Corrupt, format!("a record is no such value: {what}"));
        messages.iter().map(|bytes| record(bytes).map_err(refused)).collect()
    }
}
