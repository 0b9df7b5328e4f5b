"""Files of model calls, as other programs wrote them, to the documents that `collector.calllog` takes. Pure, but for
the reading of the files themselves."""
