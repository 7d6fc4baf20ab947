"""What schemathesis is to take for an answer that no schema foretells, and what it is not to ask for."""

import schemathesis

# What a request means is refused by these names: a step, a value, a graph that is not there. How it is written, by others.
MEANT = {
    "CannotRegisterError",
    "CycleDetectedError",
    "DuplicateOutputError",
    "DuplicateStepError",
    "EmptyPipelineError",
    "InvalidCronError",
    "InvalidNameError",
    "InvalidOptionError",
    "MissingProducerError",
    "ParametersInvalidError",
    "ScheduleNeverFiresError",
    "SelfDependencyError",
    "TypeMismatchError",
    "UnknownStepError",
    "UnknownTaskError",
    "UnknownTimeZoneError",
}


@schemathesis.check
def what_the_document_allows_is_refused_for_its_meaning_only(ctx, response, case):
    mode = case.meta.generation.mode if case.meta and case.meta.generation else None
    if mode is None or not mode.is_positive or response.status_code not in (400, 413, 415, 422):
        return
    answer = response.json()
    if answer["error"] not in MEANT:
        raise AssertionError(f"The document allows this: {answer['error']}: {answer['message']}")


@schemathesis.check
def nothing_is_a_defect(ctx, response, case):
    if response.status_code == 500 and response.json()["error"] != "PipelineExecutionError":
        raise AssertionError("The server has a defect")


# No long waits, and no schedule that is due while the others are tested.
SECONDS = 0.05
HOUR = 3_600


# No schema can say that one number is at most another.
def in_order(values):
    try:
        least, most = float(values["min_duration_ms"]), float(values["max_duration_ms"])
    except (KeyError, TypeError, ValueError):
        return values
    if least <= most:
        return values
    return {**values, "min_duration_ms": values["max_duration_ms"], "max_duration_ms": values["min_duration_ms"]}


def brief(values):
    if not isinstance(values, dict):
        return values
    brief_values = dict(in_order(values))
    if isinstance(values.get("filter"), dict):
        brief_values["filter"] = in_order(values["filter"])
    timeout, every = values.get("timeout", 30 if "wait" in values else None), values.get("every")
    if isinstance(timeout, (int, float)) and SECONDS < timeout <= 86_400:
        brief_values["timeout"] = SECONDS
    if isinstance(every, (int, float)) and 1 <= every < HOUR:
        brief_values["every"] = HOUR
    return brief_values


@schemathesis.hook
def map_body(ctx, body):
    return brief(body)


@schemathesis.hook
def map_query(ctx, query):
    return brief(query)


@schemathesis.hook
def before_call(ctx, case, kwargs):
    case.query = brief(case.query)
    case.body = brief(case.body)
    # Of `Prefer`, only the wish to wait is heeded.
    if "wait" in str(case.headers.get("Prefer", "")).lower():
        case.headers["Prefer"] = "respond-async"
