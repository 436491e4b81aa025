//! The function `watermark` as a Lambda function's `bootstrap`.

use darkroom_functions::FunctionName;

fn main() -> Result<(), darkroom_lambda::runtime::RunError> {
    darkroom_lambda::runtime::run(FunctionName::Watermark)
}
