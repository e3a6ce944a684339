return {
  slugify = function(title) return title:lower() end, --~ function slugify
}
