/**
 * Grafast decides by the environment, when it is loaded, whether to plan with its costly development
 * checks; undecided, it warns. Imported before it, wherever it is imported.
 */
process.env["GRAPHILE_ENV"] ??= "production";
