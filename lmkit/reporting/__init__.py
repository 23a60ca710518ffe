"""A page that shows a pipeline, from raw files to scores, and the cards next to it.

lineage, command_lines, lineage_picture   which folders there are, and how they were made
run_metrics, thinning, plots, still_plot  curves; charts.js draws them in the browser
sections/                                 what the page shows, one file each; registry.py
escaped_html, tables_html, page           the page itself
dataset_card, run_card                    README files as the Hugging Face hub reads them
"""
