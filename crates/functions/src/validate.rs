//! Validation: is this file a picture that we can process?
//!
//! The bytes decide. What the caller says about them (name, MIME type, size) is only compared. The checks run
//! from the cheapest to the dearest, and each one that fails leaves a sentence for the person who uploaded.

use serde::{Deserialize, Serialize};

use crate::codec::{self, About, Detail};
use crate::colour;
use crate::kind::{Format, Promise};
use crate::limits::Limits;
use crate::refusal::{Check, Refusal};
use crate::structure::{self, Structure};

/// What the caller says of the file. Nothing of it is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// The name that the file had at its owner's.
    pub file_name: Option<String>,
    /// A MIME type.
    pub file_type: Option<String>,
    /// In bytes.
    pub file_size: Option<u64>,
}

/// The answer: what the picture is, and what was right and wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Validation {
    /// The verdict.
    pub result: Verdict,
    /// `null` where the file is so broken that it cannot be read.
    pub image_metadata: Option<ImageMetadata>,
    /// One flag a check.
    pub validation_details: ValidationDetails,
    /// A sentence for each "no". Absent when there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What is odd but no reason to refuse. Absent when there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Whether a picture goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All checks passed.
    Valid,
    /// One check failed, or more.
    Invalid,
}

/// What the picture is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageMetadata {
    /// Of the picture as it is seen, after its EXIF orientation.
    pub width: u32,
    /// Of the picture as it is seen, after its EXIF orientation.
    pub height: u32,
    /// `JPEG`, `PNG`, `WEBP`, `GIF` or `TIFF`: of the bytes, not of the name.
    pub format: String,
    /// `sRGB`, `Gray`, `CMYK`, or the name of the embedded ICC profile.
    pub color_space: String,
}

/// Which checks passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidationDetails {
    /// The length on disk is accepted.
    pub file_size_valid: bool,
    /// The file is a whole, decodable picture of a format that we read, and what its name says.
    pub format_valid: bool,
    /// Sides and pixel count are accepted.
    pub dimensions_valid: bool,
}

/// Validates a file by its bytes. Never fails: whatever is wrong with the file is in the answer.
pub fn validate(bytes: &[u8], claim: &Claim, limits: &Limits) -> Validation {
    let mut findings = Findings::default();
    findings.add(limits.check_length(bytes.len() as u64));
    findings.note_size(claim, bytes.len() as u64);
    let structure = findings.keep(structure::read(bytes));
    if structure.is_none() {
        findings.details.dimensions_valid = false;
    }
    let metadata = structure.map(|structure| {
        findings.add(check_promises(claim, structure.format, limits));
        check_picture(bytes, &structure, limits, &mut findings)
    });
    findings.into_validation(metadata)
}

/// The answer for a file that is so long that it is not even read.
pub(crate) fn refuse_by_length(length: u64, limits: &Limits) -> Validation {
    let mut findings = Findings::default();
    findings.add(Err(limits.too_long(length)));
    findings.details.format_valid = false;
    findings.details.dimensions_valid = false;
    findings.into_validation(None)
}

/// The checks of a file whose header can be read: header, wholeness, memory, decode.
fn check_picture(
    bytes: &[u8],
    structure: &Structure,
    limits: &Limits,
    findings: &mut Findings,
) -> ImageMetadata {
    let header = limits.check_header(structure, bytes.len() as u64);
    let sound = header.is_ok();
    findings.add(header);
    findings.add(structure.flaw.as_ref().map_or(Ok(()), |flaw| Err(Refusal::format(flaw))));
    // A header that was refused is not handed to a codec.
    let about = if sound { codec::about(bytes, structure, limits).ok() } else { None };
    if findings.details.all() {
        findings.add(check_decodes(bytes, structure, limits));
    }
    metadata(structure, about.as_ref())
}

/// Decodes the whole file and throws the pixels away.
fn check_decodes(bytes: &[u8], structure: &Structure, limits: &Limits) -> Result<(), Refusal> {
    limits.check_memory(codec::decode_bytes(structure, Detail::Probe))?;
    let decoded = codec::decode(bytes, structure, Detail::Probe, limits)?;
    codec::recycle(decoded.picture.samples);
    Ok(())
}

fn metadata(structure: &Structure, about: Option<&About>) -> ImageMetadata {
    let stored = (structure.width, structure.height);
    let (width, height) = about.map_or(stored, |about| about.orientation.upright(stored));
    let color_space = about.map_or_else(|| "unknown".to_owned(), colour::name);
    ImageMetadata { width, height, format: structure.format.as_str().to_owned(), color_space }
}

/// Compares what name and MIME type promise with what the bytes are.
fn check_promises(claim: &Claim, format: Format, limits: &Limits) -> Result<(), Refusal> {
    if !limits.name_must_match {
        return Ok(());
    }
    let found = format.as_str();
    let differs =
        |promise: Option<Promise>| promise.is_some_and(|promise| promise != Promise::Format(format));
    if let Some(name) = &claim.file_name {
        let extension = name.rsplit_once('.').and_then(|(_, extension)| Format::of_extension(extension));
        if differs(extension) {
            return Err(Refusal::format(format!("the file is named {name:?}, but its content is {found}")));
        }
    }
    if let Some(mime) = &claim.file_type
        && differs(Format::of_mime(mime))
    {
        return Err(Refusal::format(format!(
            "the file's type is given as {mime:?}, but its content is {found}"
        )));
    }
    Ok(())
}

/// What the checks have found so far.
struct Findings {
    details: ValidationDetails,
    reasons: Vec<String>,
    notes: Vec<String>,
}

impl Default for Findings {
    fn default() -> Self {
        let details = ValidationDetails { file_size_valid: true, format_valid: true, dimensions_valid: true };
        Self { details, reasons: Vec::new(), notes: Vec::new() }
    }
}

impl Findings {
    fn add(&mut self, outcome: Result<(), Refusal>) {
        self.keep(outcome);
    }

    /// Notes a refusal, once.
    fn keep<T>(&mut self, outcome: Result<T, Refusal>) -> Option<T> {
        let refusal = match outcome {
            Ok(value) => return Some(value),
            Err(refusal) => refusal,
        };
        match refusal.check {
            Check::FileSize => self.details.file_size_valid = false,
            Check::Format => self.details.format_valid = false,
            Check::Dimensions => self.details.dimensions_valid = false,
        }
        if !self.reasons.contains(&refusal.reason) {
            self.reasons.push(refusal.reason);
        }
        None
    }

    fn note_size(&mut self, claim: &Claim, length: u64) {
        if let Some(claimed) = claim.file_size
            && claimed != length
        {
            self.notes.push(format!("the file was announced with {claimed} bytes; it has {length}"));
        }
    }

    fn into_validation(self, image_metadata: Option<ImageMetadata>) -> Validation {
        let result = if self.details.all() { Verdict::Valid } else { Verdict::Invalid };
        let mut reasons = self.reasons;
        if image_metadata.is_none() {
            reasons.push("no width and height could be read from the file".to_owned());
        }
        Validation { result, image_metadata, validation_details: self.details, reasons, notes: self.notes }
    }
}

impl ValidationDetails {
    fn all(self) -> bool {
        self.file_size_valid && self.format_valid && self.dimensions_valid
    }
}
