# BEFORE (no tracking)
@cacheable
def train_model(features, labels, params):
    model = RandomForest(**params)
    model.fit(features, labels)
    return model

# AFTER (tracked + cached)
@mlflow_cached(tags={"model": "rf"})
def train_model(features, labels, params):
    model = RandomForest(**params)
    model.fit(features, labels)
    
    metrics = {
        'accuracy': model.score(features, labels)
    }
    
    return model, metrics  # Automatically logged to MLflow
