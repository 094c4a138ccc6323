"""The registry of scenarios: each is a function of a running kernel, and one test."""

SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function
