"""What a file is, which tool wrote it, what each column means. The words: wording; the tables: tools/."""
