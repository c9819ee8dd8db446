from panther_detection_helpers.caching import increment_counter
import panther_oss_helpers


def rule(event):
    return increment_counter('x') > 5
