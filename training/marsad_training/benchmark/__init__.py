"""`marsad-bench`: how well a model reads, how fast, and what throws it; one JSON a model and suite.

`marsad-bench run --out OUT` writes `OUT/MODEL/SUITE.json`, `OUT/report.md` and `OUT/report.html`.
The reports, `compare`, model card and README are made of the JSON alone. Its shape, version 1:

    marsad_benchmark  1
    suite, about      name of the suite, one sentence on it
    model             name, artifact (path or null); of an artifact also sha256, encoder,
                      onnx_bytes, train_reports, stages (the runs that led to it); of a
                      baseline train_reports, train_hash
    command           that wrote it, all options told; paths as seen from the working folder
    version           of marsad
    seed, limit       limit: most reports of a set, drawn by seed; null for all
    seconds           wall time of the suite
    machine           processor, cores, usable_cores, memory_gib, load (1 minute, at start), system,
                      python, packages
    slices            name -> SLICE
    facts             what is no slice, by suite (below)

    SLICE
      reports, words  how many were read
      changed         (stress) reports whose text the rewriting changed
      gold            hash of texts and annotation; slices of two models are compared if it is equal
      tasks           task -> {f1, precision, recall, gold, predicted, interval, macro_f1,
                      labels: label -> {f1, precision, recall, gold, predicted}}
                      tasks as in `marsad.score`, and `status (majority)`: what the commonest gold
                      status, said of all triggers found, would get right; of status and values
                      f1 is the accuracy; a task without gold and predictions is left out;
                      interval is the 95 % bootstrap interval of f1 over reports; macro_f1 the
                      mean over labels with gold
      semeval         mentions, triggers -> strict, exact, partial, type
                      -> {correct, incorrect, partial, missed, spurious, precision, recall, f1,
                      labels: label -> the same}
      status_confusion  gold status -> read status -> triggers found
      calibration     mentions, triggers, arguments -> {ece, n, bins: [{low, high, n, score,
                      right}]}; absent where the model gives no scores
      rates           task -> {alarms, words, per_1000_words, interval, labels: label -> alarms}
                      (suite negatives only)
      per_report      report id -> task -> [gold, predicted, correct], or [alarms, words] of a rate;
                      only in slices that are no part of another

Slices of each suite: corpus `all`, `theatre/ID`, `genre/STYLE`; real `FILE`, `FILE/ORIGIN`;
ner one for each set; gsr `spans` and `relevance` (tasks of their own, see `gsr.py`); stress
`clean` and one for each transformation; negatives `hard negatives`, `with events`,
`asnd/CLASS`; speed, cost, training none; smoke those of all suites as `SUITE/SLICE`.

Facts of each suite: real `seen_in_training` (file -> reports that the annotation
of the training excerpts names); ner set -> {trained_f1, trained_gold (mentions, all types),
published: [{system, f1, source, note}], left_out: gold type -> mentions}; gsr `left_out`,
`unseen_articles`, `said_yes` (event type -> label -> [sentences, said yes]); stress `kept`
(transformation -> task -> {clean, stressed, kept, difference, interval, p}); negatives
`false_events` (as in `metrics.json`); speed `rows` (system,
threads, length, batch, words, words_per_second, words_per_cpu_second), `processes` (system,
threads, cold_start_s, latency_p50_ms, latency_p95_ms, latency_reports, peak_mib_single, peak_mib),
`encoder`, `about`; cost `rows` (of: reports or characters, size, words, seconds, peak_mib),
`threads`; training `rows` (way, words, seconds), `reports`, `threads`, `about`; smoke `suites`
(name -> seconds, or why it was skipped) and `facts` (suite -> its facts).
"""
