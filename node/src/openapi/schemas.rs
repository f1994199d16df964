//! What the schemas of the document leave unsaid: how large a number may be, and that no form of a
//! choice takes more than its fields.

use utoipa::Number;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayItems, KnownFormat, Object, SchemaFormat,
};
use utoipa::openapi::{RefOr, Schema};

/// Says of every unsigned integer how large it may be, and closes the forms of every choice.
pub(super) fn bound(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            limit(object);
            object.properties.values_mut().for_each(bound);
            if let Some(more) = &mut object.additional_properties
                && let AdditionalProperties::RefOr(more) = more.as_mut()
            {
                bound(more);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                bound(items);
            }
        }
        Schema::OneOf(parts) => {
            parts.items.iter_mut().for_each(close);
            parts.items.iter_mut().for_each(bound);
        }
        Schema::AllOf(parts) => parts.items.iter_mut().for_each(bound),
        Schema::AnyOf(parts) => parts.items.iter_mut().for_each(bound),
        _ => {}
    }
}

/// Every choice that is read refuses fields that its form does not have.
fn close(form: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(object)) = form
        && !object.properties.is_empty()
        && object.additional_properties.is_none()
    {
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
}

/// The format `int32` stands for every integer of at most 32 bits, so a reader takes those without
/// a sign for half of what they are.
fn limit(object: &mut Object) {
    let short = SchemaFormat::KnownFormat(KnownFormat::Int32);
    let unsigned = match object.minimum {
        Some(Number::Int(minimum)) => minimum == 0,
        Some(Number::UInt(minimum)) => minimum == 0,
        Some(Number::Float(minimum)) => minimum == 0.0,
        None => false,
    };
    if object.format.as_ref() == Some(&short) && unsigned && object.maximum.is_none() {
        object.format = None;
        object.maximum = usize::try_from(u32::MAX).ok().map(Number::UInt);
    }
}
