//! Content decoding, for comparing and recording only: what the client gets is never touched.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io::Read;

use http::header::{HeaderMap, CONTENT_ENCODING};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::StreamingDecoder;

/// A body that cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// An encoding other than gzip, deflate, br, zstd and identity.
    #[error("unknown content encoding {0:?}")]
    Unknown(String),
    /// The data is damaged, cut off or something else.
    #[error("invalid {0} data")]
    Invalid(&'static str),
    /// The result would be larger than the cap, in bytes.
    #[error("more than {0} bytes after decoding")]
    TooLarge(usize),
}

/// More than anybody sends; each layer costs a pass.
const LAYERS: usize = 4;
/// What RFC 9659 allows for zstd in HTTP. Without a limit a header of a few bytes could ask for gigabytes.
const ZSTD_WINDOW: u64 = 8 << 20;

/// Undoes the `Content-Encoding` of a body, all layers of it; borrows where there is none.
///
/// `cap` is the largest result, in bytes, of any layer. An empty body stays empty, whatever its encoding (HEAD, 304).
///
/// # Errors
/// An unknown encoding, damaged or truncated data, or a result above the cap.
pub fn decode<'a>(headers: &HeaderMap, body: &'a [u8], cap: usize) -> Result<Cow<'a, [u8]>, DecodeError> {
    let mut decoded = Cow::Borrowed(body);
    if body.is_empty() || !headers.contains_key(CONTENT_ENCODING) {
        return Ok(decoded);
    }
    let lines: Vec<_> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect();
    let layers = lines
        .iter()
        .flat_map(|line| line.split(','))
        .map(|name| name.trim().to_ascii_lowercase());
    let layers: Vec<_> = layers.filter(|name| !name.is_empty() && name != "identity").collect();
    if layers.len() > LAYERS {
        return Err(DecodeError::Unknown(layers.join(", ")));
    }
    for layer in layers.iter().rev() {
        decoded = Cow::Owned(undo(layer, &decoded, cap)?);
    }
    Ok(decoded)
}

fn undo(encoding: &str, body: &[u8], cap: usize) -> Result<Vec<u8>, DecodeError> {
    match encoding {
        "gzip" | "x-gzip" => read(flate2::read::MultiGzDecoder::new(body), "gzip", cap),
        // By its definition zlib; some servers send the raw format, as old browsers wanted it.
        "deflate" => match read(flate2::read::ZlibDecoder::new(body), "deflate", cap) {
            Err(DecodeError::Invalid(_)) => read(flate2::read::DeflateDecoder::new(body), "deflate", cap),
            result => result,
        },
        "br" => read(brotli_decompressor::Decompressor::new(body, 4096), "br", cap),
        "zstd" => zstd(body, cap),
        other => Err(DecodeError::Unknown(other.to_owned())),
    }
}

fn read(decoder: impl Read, name: &'static str, cap: usize) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::new();
    let limit = (cap as u64).saturating_add(1);
    decoder
        .take(limit)
        .read_to_end(&mut out)
        .map_err(|_| DecodeError::Invalid(name))?;
    if out.len() > cap {
        return Err(DecodeError::TooLarge(cap));
    }
    Ok(out)
}

/// One or more frames, some of which may be there to be skipped.
fn zstd(body: &[u8], cap: usize) -> Result<Vec<u8>, DecodeError> {
    let invalid = || DecodeError::Invalid("zstd");
    let mut out = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        match StreamingDecoder::new_with_max_window_size(&mut rest, ZSTD_WINDOW) {
            Ok(decoder) => {
                let frame = read(decoder, "zstd", cap - out.len()).map_err(|error| match error {
                    DecodeError::TooLarge(_) => DecodeError::TooLarge(cap),
                    other => other,
                });
                out.append(&mut frame?);
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                rest = rest.get(length as usize..).ok_or_else(invalid)?;
            }
            Err(_) => return Err(invalid()),
        }
    }
    Ok(out)
}
