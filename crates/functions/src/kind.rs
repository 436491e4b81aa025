//! What a file is, by its first bytes. Names and MIME types are only compared with the answer.

use crate::refusal::Refusal;

/// The picture formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Baseline or progressive, grey, colour or CMYK.
    Jpeg,
    /// Any bit depth, with or without palette and alpha.
    Png,
    /// Lossy, lossless or animated (its first frame).
    WebP,
    /// Still or animated (its first frame).
    Gif,
    /// Its first page.
    Tiff,
}

impl Format {
    /// The name that `imageMetadata.format` carries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WEBP",
            Self::Gif => "GIF",
            Self::Tiff => "TIFF",
        }
    }

    /// Finds the format of `bytes`, or says what they are instead.
    ///
    /// # Errors
    /// A [`Refusal`] that names the kind of file where it is recognised ("this is a PDF document, …").
    pub fn sniff(bytes: &[u8]) -> Result<Self, Refusal> {
        match bytes {
            [] => Err(Refusal::format("the file is empty")),
            [0xFF, 0xD8, 0xFF, ..] => Ok(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Self::Gif),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Ok(Self::Tiff),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Self::WebP),
            _ => Err(Refusal::format(describe_other(bytes))),
        }
    }

    /// The format that a file name's extension promises. `None` where it promises no picture we know.
    pub(crate) fn of_extension(extension: &str) -> Option<Promise> {
        Promise::from_word(&extension.to_ascii_lowercase())
    }

    /// The format that a MIME type promises. `None` for a type that says nothing (`application/octet-stream`).
    pub(crate) fn of_mime(mime: &str) -> Option<Promise> {
        let essence = mime.split(';').next().unwrap_or(mime).trim().to_ascii_lowercase();
        match essence.as_str() {
            "" | "application/octet-stream" | "binary/octet-stream" => None,
            other => match other.strip_prefix("image/") {
                Some(subtype) => Promise::from_word(subtype).or(Some(Promise::Other)),
                None => Some(Promise::Other),
            },
        }
    }
}

/// What a name or a MIME type promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// One of ours.
    Format(Format),
    /// Something that is none of ours, whatever it is.
    Other,
}

impl Promise {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "jpg" | "jpeg" | "jpe" | "jfif" | "pjpeg" => Some(Self::Format(Format::Jpeg)),
            "png" | "apng" | "x-png" => Some(Self::Format(Format::Png)),
            "webp" => Some(Self::Format(Format::WebP)),
            "gif" => Some(Self::Format(Format::Gif)),
            "tif" | "tiff" | "x-tiff" => Some(Self::Format(Format::Tiff)),
            "heic" | "heif" | "avif" | "bmp" | "svg" | "ico" | "psd" | "pdf" | "txt" | "html" | "zip"
            | "mp4" | "mov" | "dng" | "cr2" | "nef" | "arw" | "exe" | "jxl" | "jp2" => Some(Self::Other),
            _ => None,
        }
    }
}

/// A sentence about a file that is none of our formats.
fn describe_other(bytes: &[u8]) -> String {
    let known = match bytes {
        [b'%', b'P', b'D', b'F', ..] => "this is a PDF document, not an image",
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => describe_brand(brand),
        [b'B', b'M', ..] if bytes.len() > 26 => "BMP images are not supported",
        [b'P', b'K', 3, 4, ..] => "this is a ZIP archive (or an office document), not an image",
        [0x1F, 0x8B, ..] => "this is a gzip archive, not an image",
        [b'8', b'B', b'P', b'S', ..] => "Photoshop documents are not supported",
        [0xFF, 0x0A, ..] | [0, 0, 0, 0x0C, b'J', b'X', b'L', b' ', ..] => {
            "JPEG XL images are not supported yet"
        }
        [0, 0, 0, 0x0C, b'j', b'P', b' ', b' ', ..] => "JPEG 2000 images are not supported",
        [0, 0, 1, 0, ..] => "icon files are not supported",
        [0x7F, b'E', b'L', b'F', ..] | [b'M', b'Z', ..] => "this is a program, not an image",
        _ => return describe_by_content(bytes).to_owned(),
    };
    known.to_owned()
}

/// ISO base media files (`ftyp`) tell themselves apart by their brand.
fn describe_brand(brand: &[u8]) -> &'static str {
    match brand.get(..4) {
        Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"mif1" | b"msf1") => {
            "HEIC images are not supported yet"
        }
        Some(b"avif" | b"avis") => "AVIF images are not supported yet",
        _ => "this is a video or audio file, not an image",
    }
}

/// How far into a file text is looked for.
const TEXT_PROBE_BYTES: usize = 512;

fn describe_by_content(bytes: &[u8]) -> &'static str {
    let head = &bytes[..bytes.len().min(TEXT_PROBE_BYTES)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The probe may end inside a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => "",
    };
    let readable = !text.is_empty() && text.chars().all(|c| !c.is_control() || c.is_whitespace());
    let start = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if !readable {
        "the file is of no known image format"
    } else if start.starts_with("<svg") || (start.starts_with("<?xml") && start.contains("<svg")) {
        "SVG drawings are not supported"
    } else if start.starts_with("<!doctype html") || start.starts_with("<html") {
        "this is a web page, not an image"
    } else {
        "this is a text file, not an image"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_first_bytes() {
        let cases: [(&[u8], Result<Format, &str>); 14] = [
            (b"\xFF\xD8\xFF\xE0", Ok(Format::Jpeg)),
            (b"\x89PNG\r\n\x1A\n....", Ok(Format::Png)),
            (b"GIF89a", Ok(Format::Gif)),
            (b"II*\0....", Ok(Format::Tiff)),
            (b"RIFF....WEBPVP8 ", Ok(Format::WebP)),
            (b"", Err("the file is empty")),
            (b"%PDF-1.4", Err("this is a PDF document, not an image")),
            (b"\0\0\0\x18ftypheic", Err("HEIC images are not supported yet")),
            (b"\0\0\0\x18ftypavif", Err("AVIF images are not supported yet")),
            (b"\0\0\0\x18ftypisom", Err("this is a video or audio file, not an image")),
            (b"Dear diary", Err("this is a text file, not an image")),
            ("r\u{e9}sum\u{e9}".as_bytes(), Err("this is a text file, not an image")),
            (b"<!DOCTYPE html><p>", Err("this is a web page, not an image")),
            (b"\x07\x91\xFE\x00", Err("the file is of no known image format")),
        ];
        for (bytes, expected) in cases {
            let found = Format::sniff(bytes).map_err(|refusal| refusal.reason);
            assert_eq!(found, expected.map_err(str::to_owned), "{bytes:?}");
        }
    }

    #[test]
    fn a_mime_type_promises_a_format_something_else_or_nothing() {
        assert_eq!(Format::of_mime("image/JPEG; q=1"), Some(Promise::Format(Format::Jpeg)));
        assert_eq!(Format::of_mime("image/heic"), Some(Promise::Other));
        assert_eq!(Format::of_mime("text/plain"), Some(Promise::Other));
        assert_eq!(Format::of_mime("application/octet-stream"), None);
    }
}
