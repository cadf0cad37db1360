"""What operators do, on the page (`ops`) and by command (`cli`) alike: orders, redrives, explanations, postmortems."""
